# SPDX-License-Identifier: Apache-2.0
from django.urls import path

from . import views

urlpatterns = [
    path("orders/page/<int:page>/", views.orders),
    path("orders/<int:number>/", views.order),
    path("report/<int:year>/", views.report),
    path("api/orders/<int:number>/", views.as_json),
]
