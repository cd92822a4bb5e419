"""A sale of one SKU to many buyers at once, in virtual time: the product's code over DynamoDB's limits."""
