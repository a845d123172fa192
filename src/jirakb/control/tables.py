"""The control tables: what exists for whom. The knowledge bases' contents stand in files of their own."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData, String, Table, UniqueConstraint

metadata = MetaData()

knowledge_base = Table(
    "knowledge_base",
    metadata,
    Column("id", String(26), primary_key=True),
    Column("tenant", String(26), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False),
    UniqueConstraint("tenant", "name"),
)
"""Each knowledge base: its id is its folder's name below `kb/`."""
