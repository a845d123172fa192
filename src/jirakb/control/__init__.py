"""Who syncs what into which knowledge base. Knows nothing of how a sync works."""
