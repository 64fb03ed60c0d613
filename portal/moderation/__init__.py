"""Reports, decisions and their answers, redaction, and the log of privileged acts."""
