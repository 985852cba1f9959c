# SPDX-License-Identifier: Apache-2.0
"""Pages of some milliseconds each: queries, templates, JSON."""

import collections

from django.http import JsonResponse
from django.shortcuts import get_object_or_404, render

from .models import Order

PAGE = 5


def with_lines():
    return Order.objects.select_related("customer").prefetch_related("lines__product")


def orders(request, page):
    return render(request, "orders.html", {"orders": with_lines().order_by("placed", "id")[page * PAGE:(page + 1) * PAGE], "page": page})


def order(request, number):
    return render(request, "order.html", {"order": get_object_or_404(with_lines(), id=number)})


def report(request, year):
    """What each city has bought, month by month."""
    sums = collections.defaultdict(lambda: [0] * 12)
    for row in Order.objects.filter(placed__year=year).values_list("customer__city", "placed", "lines__count", "lines__product__price")[:60]:
        city, placed, count, price = row
        sums[city][placed.month - 1] += count * price
    return render(request, "report.html", {"year": year, "cities": sorted(sums.items())})


def as_json(request, number):
    found = get_object_or_404(with_lines(), id=number)
    return JsonResponse({
        "customer": {"name": found.customer.name, "city": found.customer.city},
        "placed": found.placed,
        "lines": [{"product": line.product.name, "price": line.product.price, "count": line.count} for line in found.lines.all()],
        "total": found.total(),
    })
