"""Types: from annotations, models and values to the specs of columns, and back to classes."""
