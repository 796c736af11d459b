"""Several workers on one PostgreSQL database: processes that die, stand still, end, and lose their database."""
