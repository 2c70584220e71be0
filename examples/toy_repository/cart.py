"""A shopping cart: a list of items, each a name, a price in cents and a count."""


def total(items, discount_percent=0):
    """What all items cost in cents, less a discount; a part of a cent is dropped."""
    cents = sum(price for _name, price, _count in items)
    return cents * (100 - discount_percent) // 100


def dearest(items):
    """The name of the item with the highest price for one piece; None in an empty cart."""
    return max(items, key=lambda item: item[1])[0] if items else None
