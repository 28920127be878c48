"""Linear mixed models of rows that do not fit in memory: sums by partition, then the engine as ever.

The engine needs sums of products only. DuckDB deals the complete rows into partitions that hold whole levels
of the leading factor (patients); two passes over them, here or on a cluster, make the sums.
"""
