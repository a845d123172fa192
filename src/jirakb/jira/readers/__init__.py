"""In which order is a site of each flavor read? cloud.py and datacenter.py ask; bodies.py completes what came."""
