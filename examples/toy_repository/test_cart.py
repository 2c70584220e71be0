from cart import dearest, total


def test_total():
    assert total([]) == 0
    assert total([("tea", 450, 2), ("cup", 799, 1)]) == 1699


def test_a_part_of_a_cent_is_dropped():
    assert total([("tea", 450, 2), ("cup", 799, 1)], 10) == 1529


def test_dearest():
    assert dearest([("tea", 450, 2), ("cup", 799, 1)]) == "cup"
    assert dearest([]) is None
