# SPDX-License-Identifier: Apache-2.0
"""Who ordered what; `fill` makes up some of it, the same each time."""

import datetime
import random

from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100)
    city = models.CharField(max_length=100)


class Product(models.Model):
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    placed = models.DateField(db_index=True)

    def total(self):
        return sum(line.product.price * line.count for line in self.lines.all())


class Line(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    count = models.IntegerField()


def fill():
    rng = random.Random(17)
    cities = ["Chemnitz", "Dresden", "Leipzig", "Jena", "Halle"]
    customers = Customer.objects.bulk_create(Customer(id=i, name=f"customer {i}", city=rng.choice(cities)) for i in range(1, 201))
    products = Product.objects.bulk_create(
        Product(id=i, name=f"product {i}", price=rng.randrange(100, 9000) / 100) for i in range(1, 101))
    first = datetime.date(2024, 1, 1)
    orders = Order.objects.bulk_create(
        Order(id=i, customer=rng.choice(customers), placed=first + datetime.timedelta(rng.randrange(700))) for i in range(1, 2001))
    Line.objects.bulk_create(Line(order=order, product=rng.choice(products), count=rng.randrange(1, 5))
                             for order in orders for _ in range(3))
