"""The report in the formats in which it is printed or saved, a file each."""
