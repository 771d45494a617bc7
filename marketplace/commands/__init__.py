"""The commands of the command line, one file each; every one gets a `Runtime`."""
