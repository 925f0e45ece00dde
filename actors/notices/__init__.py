"""What customers are told: when, by which message channel, and what is known of each attempt (pure).

The notifier's ledger reads the shops' feeds by a cursor of its own. From what has happened it decides which *notices*
are due, one for each channel of messages that its rules name. An attempt is recorded before anything is sent, and its
end after it: so what was sent is known, or, where a process ended between the two, known to be unknown. Where and by
whom a customer is reached is not in here: who sends looks it up, and says in a command what it found.

    WAITING    --StartAttempt--> UNDER_WAY, or DROPPED where it would come too late
               --Skip----------> DROPPED, or WAITING for a contact
    UNDER_WAY  --EndAttempt----> SENT, FAILED, UNKNOWN, or WAITING for another attempt
    FAILED, UNKNOWN --Repeat---> WAITING
"""
