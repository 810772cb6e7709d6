"""What the paper compares with, trained small on the same base and data by the same loop: `sonicdiff train mini-rivals`."""
