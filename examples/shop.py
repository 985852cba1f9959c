#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A little shop that works for five seconds: something to look at with live-trace.

    live-trace run-and-analyze examples/shop.py

It parses orders, keeps them in SQLite, writes receipts from templates and mails them (that is, it
waits), in a few threads. One innocent function eats most of the time. Which?
"""

import csv
import io
import json
import queue
import random
import sqlite3
import string
import threading
import time

SECONDS = 5
RECEIPT = string.Template("Dear $name,\n\nthank you for order $number:\n$lines\nTotal: $total EUR\n")
GOODS = ["tea", "cups", "honey", "lemon", "biscuits", "spoon", "kettle", "tray", "napkins", "jam"]


def make_orders(rng, count):
    """Orders as another shop would send them: CSV, the goods as JSON in one column."""
    out = io.StringIO()
    writer = csv.writer(out)
    for number in range(count):
        goods = {rng.choice(GOODS): rng.randint(1, 5) for _ in range(4)}
        writer.writerow([number, f"customer-{rng.randint(1, 900)}", json.dumps(goods)])
    return out.getvalue()


def parse_orders(text):
    for number, name, goods in csv.reader(io.StringIO(text)):
        yield int(number), name, json.loads(goods)


def recommend(goods, history):
    """What else may this customer like? Looks harmless, and is quadratic."""
    scores = {}
    for other in history:
        for item in other:
            if item not in goods:
                scores[item] = scores.get(item, 0) + sum(1 for name in goods if name in other)
    return sorted(scores, key=scores.get)[-3:]


class Store:
    def __init__(self):
        self.lock = threading.Lock()
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute("CREATE TABLE orders (number INTEGER, name TEXT, total REAL)")

    def add(self, number, name, total):
        with self.lock:
            self.db.execute("INSERT INTO orders VALUES (?, ?, ?)", (number, name, total))

    def best_customers(self):
        with self.lock:
            return self.db.execute(
                "SELECT name, SUM(total) FROM orders GROUP BY name ORDER BY 2 DESC LIMIT 5").fetchall()


def receipt(number, name, goods, total):
    lines = "\n".join(f"  {count} x {item}" for item, count in sorted(goods.items()))
    return RECEIPT.substitute(name=name, number=number, lines=lines, total=f"{total:.2f}")


def take_orders(store, mails, deadline, seed):
    rng = random.Random(seed)
    history = []
    while time.monotonic() < deadline:
        for number, name, goods in parse_orders(make_orders(rng, 20)):
            total = sum(count * 2.5 for count in goods.values())
            store.add(number, name, total)
            history.append(goods)
            hints = recommend(goods, history[-200:])
            mails.put(receipt(number, name, goods, total) + ", ".join(hints))
        time.sleep(0.002)


def send_mails(mails, sent):
    while True:
        mail = mails.get()
        if mail is None:
            return
        sent.append(len(mail))
        if len(sent) % 50 == 0:
            time.sleep(0.01)  # a slow mail server


def main():
    store, mails, sent = Store(), queue.Queue(), []
    deadline = time.monotonic() + SECONDS
    mailer = threading.Thread(target=send_mails, args=(mails, sent), name="mailer")
    clerks = [threading.Thread(target=take_orders, args=(store, mails, deadline, seed), name=f"clerk-{seed}")
              for seed in (1, 2)]
    for thread in [mailer, *clerks]:
        thread.start()
    while time.monotonic() < deadline:
        time.sleep(0.5)
        store.best_customers()
    for clerk in clerks:
        clerk.join()
    mails.put(None)
    mailer.join()
    print(f"{len(sent)} receipts sent, best customer: {store.best_customers()[0][0]}")


if __name__ == "__main__":
    main()
