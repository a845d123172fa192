"""The doors, all thin: each says in its own manner what the layers below do."""
