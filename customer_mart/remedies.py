"""What brings a table back that is damaged or not as its contract has it."""

LEDGER_REMEDY = "restore it from a backup, for without it erased customers would come back"


def made_anew(table: str, what: str = "it") -> str:
    """How a table is made again from nothing, and what that costs.

    what: the name the sentence gives the table.
    """
    if table == "erased_customers":
        return LEDGER_REMEDY
    moved = f"move {what} away and the next run creates it anew"
    if table == "customer_tier_changes":
        return f"{moved}, without the moves that the history of customer_ltv_scoring lacks"
    if table == "customer_ltv_scoring":
        return f"{moved}, but cannot tell who moved between tiers by that run"
    return moved
