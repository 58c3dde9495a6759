"""Which account a row belongs to: by id, e-mail domain, web domain, company name or IP address."""
