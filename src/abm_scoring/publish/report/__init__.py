"""Reports: one HTML file of verdict tiles, tables and charts, without a script, a network or anything to install."""

from abm_scoring.publish.report.parts import Bars, Lines, ReportPage, Section, Series, Table, Tile
from abm_scoring.publish.report.writing import render, write_report

__all__ = ["Bars", "Lines", "ReportPage", "Section", "Series", "Table", "Tile", "render", "write_report"]
