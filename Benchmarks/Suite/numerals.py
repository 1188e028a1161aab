"""How figures are written."""


def short(value: float | None) -> str:
    """With three digits or thousands."""
    if value is None:
        return "—"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def count(value: int) -> str:
    """As on an axis: 1, 100, 10k, 1M."""
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if value >= unit and value % unit == 0:
            return f"{value // unit}{letter}"
    return str(value)
