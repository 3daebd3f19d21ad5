"""Words for the codes that machines write: what the page and the papers say of them."""
