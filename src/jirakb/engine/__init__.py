"""Durable work: what was asked of a connector is done, by this process or by another one that takes over from a dead one."""
