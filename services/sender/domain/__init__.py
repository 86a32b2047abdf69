"""The sender's rules, pure: values in, decisions out."""
