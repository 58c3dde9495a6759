"""The page: one HTML file that shows a run to a marketer, without a network, a server or anything to install."""

from abm_scoring.publish.page.content import DRAWN, PageContent
from abm_scoring.publish.page.writing import write_page

__all__ = ["DRAWN", "PageContent", "write_page"]
