"""Reads a workbook in a process of its own that may use little memory and little time.

Run as `python -I workbook_child.py FILE MEMORY SECONDS CELLS`; writes one JSON line per sheet and row to standard output.
A file that lies about its size kills this process, not the site.
"""

import contextlib
import json
import sys
from datetime import date, datetime, time, timedelta
from typing import Any


def packed(cell: Any) -> Any:
    """A cell as JSON; dates are marked, so that they come back as dates."""
    if isinstance(cell, datetime):
        return {"date": cell.date().isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, (time, timedelta)):
        return str(cell)
    return cell


def main() -> int:
    path, memory, seconds, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        from python_calamine import CalamineWorkbook

        workbook = CalamineWorkbook.from_path(path)
        cells = 0
        out = sys.stdout
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            first = sheet.start[0] if sheet.start else 0
            cells += sheet.height * sheet.width
            if cells > most:
                return 3
            out.write(json.dumps({"sheet": name}) + "\n")
            for number, row in enumerate(sheet.to_python(skip_empty_area=True), first + 1):
                if any(cell != "" for cell in row):
                    out.write(json.dumps([number, [packed(cell) for cell in row]]) + "\n")
    except MemoryError:
        return 3
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}"[:500])
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
