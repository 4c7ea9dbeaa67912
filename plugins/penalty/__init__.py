"""Administrative penalties (行政处罚): ordinary and simple procedure, seizure, compulsory execution."""
