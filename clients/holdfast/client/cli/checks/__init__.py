"""What `holdfast doctor` looks at. Each check gives findings and changes nothing that it does not put back."""
