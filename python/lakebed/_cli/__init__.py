"""The commands of `lakebed` that look at storage and copy files; `lakebed.cli` adds them up."""
