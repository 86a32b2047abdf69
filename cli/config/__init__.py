"""All settings as data: what `postlog config` checks, shows and documents."""
