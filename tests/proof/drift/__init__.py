"""Random operations on stock, millions of them: the code's positions against an account that shares none of it."""
