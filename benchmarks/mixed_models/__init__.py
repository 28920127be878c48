"""The mixed-model engine beside its peers: same data, same machine, same run."""
