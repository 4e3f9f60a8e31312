"""One thin script a screen; what screens share lies in pages/ui."""
