"""Speed, measured: each figure beside a floor of the same run, so that a slow machine explains itself."""
