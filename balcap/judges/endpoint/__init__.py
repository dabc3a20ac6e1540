"""Any server that speaks OpenAI's protocol, as a judge."""
