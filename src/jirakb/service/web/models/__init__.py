"""What requests say and answers hold, as the OpenAPI describes it."""
