def page(runs, long):
    return ""
