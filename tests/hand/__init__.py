"""What a person does by hand, with real git and real folders."""
