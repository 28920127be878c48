"""Small projects, written for one test."""


def write_project(folder, rows, *, fields):
    """Write a small project: one form, `visit`, of the fields given."""
    heads = ["Variable / Field Name", "Form Name", "Field Type", "Field Label",
             "Choices, Calculations, OR Slider Labels", "Text Validation Type OR Show Slider Number",
             "Identifier?", "Field Annotation"]  # fmt: skip
    lines = [",".join(f'"{cell}"' for cell in line) for line in (heads, *fields)]
    (folder / "dictionary.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "data.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
