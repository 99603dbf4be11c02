"""Tables as data: one row is one frozen, validated object."""
