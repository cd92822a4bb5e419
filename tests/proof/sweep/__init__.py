"""Every AWS call of every function, made to fail in every way, in process over moto."""
