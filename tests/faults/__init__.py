"""The fault lab: breaks real processes under load; counts by books of its own what was lost and what came twice."""
