"""What each verb of a memory costs, beside the least that LanceDB alone takes for the same rows."""
