"""A world of goods, a cart and orders."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfix import Claim, FunctionTool, Observation, ToolCall, ToolError, tool
from tests.bench.worlds import Job, seen

_GOODS = {
    "p11": ("blue mug", 8, 20), "p12": ("red mug", 8, 20), "p13": ("teapot", 25, 4), "p21": ("notebook", 5, 50),
    "p22": ("notebook cover", 7, 9), "p31": ("headphones Pro", 120, 3), "p32": ("headphones Basic", 35, 6),
    "p33": ("headphones Studio", 210, 2), "p41": ("scented candle", 6, 3), "p51": ("backpack", 60, 5),
    "p61": ("desk lamp", 40, 2),
}
"""Name, price and stock by product id."""


@dataclass
class Order:
    items: dict[str, int]
    address: str
    coupon: str = ""
    cancelled: bool = False


@dataclass
class Shop:
    """A cart and orders. A coupon for an empty cart is lost, and nobody is told."""

    cart: dict[str, int] = field(default_factory=dict)
    coupon: str = ""
    orders: dict[str, Order] = field(default_factory=dict)

    def tools(self) -> list[FunctionTool]:
        return [self._search(), self._show(), self._orders(), self._add(), self._remove(), self._coupon(),
                self._place(), self._cancel()]

    def _known(self, product_id: str) -> tuple[str, int, int]:
        if product_id not in _GOODS:
            raise ToolError(f"There is no product with the id {product_id!r}: search for it.")
        return _GOODS[product_id]

    def _search(self) -> FunctionTool:
        @tool
        def search_products(name: str) -> str:
            """Find products by a part of their name; tells their ids, prices and stock."""
            words = name.lower().removesuffix("s")
            return "\n".join(f"{key}: {goods}, {price} euros, {stock} in stock"
                             for key, (goods, price, stock) in _GOODS.items() if words in goods.lower()) or "(none)"

        return search_products

    def _show(self) -> FunctionTool:
        @tool
        def show_cart() -> str:
            """Tell what is in the cart."""
            lines = [f"{count} x {_GOODS[key][0]} ({key})" for key, count in self.cart.items()]
            return "\n".join([*lines, f"coupon: {self.coupon or 'none'}"]) if lines else "(empty)"

        return show_cart

    def _orders(self) -> FunctionTool:
        @tool
        def list_orders() -> str:
            """List all orders with their ids."""
            return "\n".join(
                f"{key}: {', '.join(f'{n} x {_GOODS[p][0]}' for p, n in o.items.items())}, to {o.address}, "
                f"coupon {o.coupon or 'none'}{', cancelled' if o.cancelled else ''}"
                for key, o in self.orders.items()) or "(none)"

        return list_orders

    def _add(self) -> FunctionTool:
        @tool(side_effects=True)
        def add_to_cart(product_id: str, count: int) -> str:
            """Put a product into the cart.

            Args:
                product_id: Its id.
                count: How many.
            """
            name, _, stock = self._known(product_id)
            there = self.cart.get(product_id, 0)
            if count < 1 or there + count > stock:
                raise ToolError(f"There are only {stock} of {name!r}, and {there} are in the cart already.")
            self.cart[product_id] = there + count
            return f"{count} x {name} put into the cart."

        @add_to_cart.verifier
        def inside(claim: Claim):
            product, count = (claim.call.arguments[k] for k in ("product_id", "count"))
            have = self.cart.get(product, 0) + sum(o.items.get(product, 0) for o in self.orders.values())
            return seen(have >= count, f"{have} x {product} in the cart or ordered")

        @add_to_cart.undoer
        def take_out(call: ToolCall, observation: Observation):
            product, count = (call.arguments[k] for k in ("product_id", "count"))
            self.cart[product] -= count
            self.cart = {key: n for key, n in self.cart.items() if n > 0}

        return add_to_cart

    def _remove(self) -> FunctionTool:
        @tool(side_effects=True)
        def remove_from_cart(product_id: str) -> Observation:
            """Take a product out of the cart, all of it."""
            if product_id not in self.cart:
                raise ToolError(f"{product_id!r} is not in the cart.")
            return Observation("remove_from_cart", "ok", "Removed.", {"count": self.cart.pop(product_id)})

        @remove_from_cart.verifier
        def out(claim: Claim):
            return seen(claim.call.arguments["product_id"] not in self.cart, "it is not in the cart")

        @remove_from_cart.undoer
        def put_back(call: ToolCall, observation: Observation):
            self.cart[call.arguments["product_id"]] = observation.data["count"]

        return remove_from_cart

    def _coupon(self) -> FunctionTool:
        @tool(side_effects=True)
        def use_coupon(code: str) -> str:
            """Use a coupon for what is in the cart."""
            if code != "SPRING10":
                raise ToolError(f"The coupon {code!r} is not valid.")
            if self.cart:
                self.coupon = code
            return f"Thank you for using the coupon {code}."

        @use_coupon.verifier
        def used(claim: Claim):
            code = claim.call.arguments["code"]
            if self.coupon == code or any(o.coupon == code for o in self.orders.values()):
                return seen(True, f"the coupon {code} counts")
            return seen(False, f"the coupon {code} does not count: the cart was empty when it was used; a coupon "
                        "is used after the cart is filled, and before the order is placed")

        @use_coupon.undoer
        def drop(call: ToolCall, observation: Observation):
            self.coupon = ""

        return use_coupon

    def _place(self) -> FunctionTool:
        @tool(side_effects=True)
        def place_order(address: str) -> Observation:
            """Order what is in the cart.

            Args:
                address: Where it is sent.
            """
            if not self.cart:
                raise ToolError("The cart is empty.")
            key = f"o{len(self.orders) + 1}"
            self.orders[key] = Order(dict(self.cart), address, self.coupon)
            self.cart, self.coupon = {}, ""
            return Observation("place_order", "ok", f"Ordered: {key}.", {"id": key})

        @place_order.verifier
        def placed(claim: Claim):
            address = claim.call.arguments["address"]
            there = any(o.address == address and not o.cancelled for o in self.orders.values())
            return seen(there, f"there is an order to {address}" if there else f"there is no order to {address}")

        @place_order.undoer
        def call_off(call: ToolCall, observation: Observation):
            order = self.orders.pop(observation.data["id"])
            self.cart, self.coupon = order.items, order.coupon

        return place_order

    def _cancel(self) -> FunctionTool:
        @tool(side_effects=True)
        def cancel_order(order_id: str) -> str:
            """Cancel an order."""
            if order_id not in self.orders:
                raise ToolError(f"There is no order with the id {order_id!r}.")
            self.orders[order_id].cancelled = True
            return f"{order_id} was cancelled."

        @cancel_order.verifier
        def off(claim: Claim):
            return seen(self.orders[claim.call.arguments["order_id"]].cancelled, "the order is cancelled")

        @cancel_order.undoer
        def restore(call: ToolCall, observation: Observation):
            self.orders[call.arguments["order_id"]].cancelled = False

        return cancel_order


def _live(world: Shop) -> list[tuple[dict[str, int], str, str]]:
    return [(o.items, o.address, o.coupon) for o in world.orders.values() if not o.cancelled]


def _ordered() -> Shop:
    return Shop(orders={"o1": Order({"p11": 2}, "1 High Street"), "o2": Order({"p61": 1, "p21": 3}, "1 High Street"),
                        "o3": Order({"p13": 1}, "1 High Street")})


JOBS = (
    Job("cart", "Put two blue mugs and one teapot into the cart.", Shop,
        lambda w: w.cart == {"p11": 2, "p13": 1} and not w.orders),
    Job("order", "Order three notebooks. They are to be sent to 12 Elm Road.", Shop,
        lambda w: not w.cart and [(i, a) for i, a, _ in _live(w)] == [({"p21": 3}, "12 Elm Road")]),
    Job("cancel", "Cancel the order with the desk lamp.", _ordered,
        lambda w: [key for key, o in w.orders.items() if o.cancelled] == ["o2"] and not w.cart),
    Job("cheapest", "Put the cheapest headphones into the cart.", Shop,
        lambda w: w.cart == {"p32": 1} and not w.orders),
    Job("candles", "Put five scented candles into the cart. If there are fewer in stock, put in as many as there are.",
        Shop, lambda w: w.cart == {"p41": 3} and not w.orders),
    Job("coupon", "Use the coupon SPRING10 and order one backpack. It is to be sent to 4 Mill Lane.", Shop,
        lambda w: not w.cart and _live(w) == [({"p51": 1}, "4 Mill Lane", "SPRING10")]),
)
