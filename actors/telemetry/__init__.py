"""What operators see of a process: log lines, the requests that they are about, and figures."""
