"""How requests arrive over HTTP, and how answers leave."""
