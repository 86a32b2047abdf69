"""The API's rules. Pure: time, ids and what is known come as arguments."""
