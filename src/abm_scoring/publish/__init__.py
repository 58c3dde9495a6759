"""Everything a run makes public: staged folders, the lock, the manifest, files and words."""
