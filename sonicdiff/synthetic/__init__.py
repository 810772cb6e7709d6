"""Data made by code: landscapes (`scenes`), the sounds that act on them (sounds), sentences (`captions`) and rows of all three (`dataset`);
struck `materials` and `voices` with faces, as `pairs`.

Everything is seeded and drawn with numpy, scipy and Pillow alone; see `contact_sheet` for a look at it.
"""
