"""The service's own endpoints, and what they are measured against."""

from django.urls import include, path
from rest_framework.routers import DefaultRouter

from bench.baselines import one_table, plain
from bench.baselines.stock import PostViewSet
from toby.social.urls import urlpatterns as own

router = DefaultRouter(trailing_slash=False)
router.register("posts", PostViewSet, basename="stock")

urlpatterns = [
    *own,
    path("plain/posts", plain.posts),
    path("plain/posts/<slug:slug>/submit", plain.submit),
    path("one-table/posts", one_table.Newest.as_view()),
    path("stock/", include(router.urls)),
]
