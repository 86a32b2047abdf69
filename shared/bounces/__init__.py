"""What a refusal means: its class and category, by rules that are data. docs/bounces.md says it in prose.

A reply is read (`reading`), then the first rule that holds decides (`classifier`): the user's rules (`rules`), then
those of `rules.toml` (`builtin`). Rules speak of words in phrases (`phrases`), not in regular expressions: nothing that
a server says can make them slow.
"""
