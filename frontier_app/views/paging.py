"""One page of a long list. An address with a wrong page number shows the nearest page, never an error."""

from typing import Any, Generic, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)


class Slice(Generic[Row]):
    """The rows of one page, and the addresses of its neighbours with every other parameter kept."""

    def __init__(self, request: HttpRequest, rows: "QuerySet[Row, Any]", size: int, parameter: str = "page") -> None:
        self._query = request.GET.copy()
        self._parameter = parameter
        self._page: Page[Row] = Paginator(rows, size).get_page(request.GET.get(parameter))
        self.rows: list[Row] = list(self._page.object_list)
        self.total = self._page.paginator.count
        self.several = self._page.paginator.num_pages > 1
        self.first, self.last = self._page.start_index(), self._page.end_index()

    @property
    def earlier(self) -> str | None:
        return self._address(self._page.number - 1) if self._page.has_previous() else None

    @property
    def later(self) -> str | None:
        return self._address(self._page.number + 1) if self._page.has_next() else None

    def _address(self, number: int) -> str:
        self._query[self._parameter] = str(number)
        return "?" + self._query.urlencode()
