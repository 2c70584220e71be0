from cart import dearest, total

CART = [("tea", 450, 2), ("cup", 799, 1)]


def test_total():
    assert total([]) == 0
    assert total(CART) == 1699


def test_a_part_of_a_cent_is_dropped():
    assert total(CART, 10) == 1529


def test_dearest():
    assert dearest(CART) == "cup"
    assert dearest([]) is None
