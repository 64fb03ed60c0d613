"""Draws the pictures of the demonstration town: flat colours, simple shapes, no photograph of anybody."""

import io
import itertools
import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

WIDTH, HEIGHT, FINE = 1200, 800, 2
Point = tuple[float, float]

SKY, DUSK, NIGHT = "#cfe8ef", "#f6c9a5", "#27304f"
STONE, PLASTER, ROOF, SLATE = "#e9dcc3", "#f4ead6", "#c8553d", "#4f5d75"
LEAF, MOSS, GRASS, EARTH = "#5b8c5a", "#3d6b4f", "#a8c686", "#8a6240"
ROAD, LINE, WATER, WINDOW = "#6b7280", "#f8f9fa", "#4a90a4", "#34495e"
RED, YELLOW, TEAL, PLUM, CREAM = "#d1495b", "#edae49", "#00798c", "#6d597a", "#fff8e7"


class Sheet:
    """A picture in the making, in points of the finished size."""

    def __init__(self, background: str, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.image = Image.new("RGB", (width * FINE, height * FINE), background)
        self.pen = ImageDraw.Draw(self.image)

    def box(self, x: float, y: float, w: float, h: float, fill: str, round_: float = 0) -> None:
        area = [x * FINE, y * FINE, (x + w) * FINE - 1, (y + h) * FINE - 1]
        self.pen.rounded_rectangle(area, round_ * FINE, fill)

    def disc(self, x: float, y: float, rx: float, fill: str, ry: float | None = None) -> None:
        ry = rx if ry is None else ry
        self.pen.ellipse([(x - rx) * FINE, (y - ry) * FINE, (x + rx) * FINE, (y + ry) * FINE], fill)

    def ring(self, x: float, y: float, r: float, stroke: str, width: float) -> None:
        area = [(x - r) * FINE, (y - r) * FINE, (x + r) * FINE, (y + r) * FINE]
        self.pen.ellipse(area, outline=stroke, width=round(width * FINE))

    def shape(self, points: Sequence[Point], fill: str) -> None:
        self.pen.polygon([(x * FINE, y * FINE) for x, y in points], fill)

    def path(self, points: Sequence[Point], stroke: str, width: float) -> None:
        fine = [(x * FINE, y * FINE) for x, y in points]
        self.pen.line(fine, stroke, round(width * FINE), joint="curve")

    def png(self) -> bytes:
        """The finished picture."""
        out = io.BytesIO()
        self.image.reduce(FINE).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def tree(self, x: float, ground: float, height: float, leaf: str = LEAF) -> None:
        self.box(x - height * 0.04, ground - height * 0.5, height * 0.08, height * 0.5, EARTH)
        self.disc(x, ground - height * 0.68, height * 0.3, leaf, height * 0.34)
        self.disc(x - height * 0.16, ground - height * 0.5, height * 0.2, leaf)
        self.disc(x + height * 0.17, ground - height * 0.53, height * 0.2, MOSS)

    def house(self, x: float, ground: float, w: float, h: float, wall: str, roof: str = ROOF) -> None:
        self.box(x, ground - h, w, h, wall)
        self.shape([(x - 12, ground - h), (x + w + 12, ground - h), (x + w / 2, ground - h - w * 0.42)], roof)
        columns, rows = max(1, int(w // 80)), max(1, int(h // 100))
        for column in range(columns):
            for row in range(rows):
                left = x + (column + 0.5) * w / columns - 17
                self.box(left, ground - h + 24 + row * 96, 34, 50, WINDOW, 4)
                self.box(left - 16, ground - h + 24 + row * 96, 12, 50, TEAL, 2)
                self.box(left + 38, ground - h + 24 + row * 96, 12, 50, TEAL, 2)

    def cloud(self, x: float, y: float, size: float) -> None:
        for dx, dy, r in ((-0.9, 0.1, 0.5), (0, -0.15, 0.7), (0.8, 0.1, 0.55)):
            self.disc(x + dx * size, y + dy * size, r * size, "#ffffff")
        self.box(x - 1.3 * size, y + 0.1 * size, 2.6 * size, 0.5 * size, "#ffffff", 0.25 * size)

    def person(self, x: float, ground: float, height: float, coat: str, skin: str = "#c68863") -> None:
        self.box(x - height * 0.1, ground - height * 0.35, height * 0.08, height * 0.35, WINDOW)
        self.box(x + height * 0.02, ground - height * 0.35, height * 0.08, height * 0.35, WINDOW)
        self.box(x - height * 0.15, ground - height * 0.78, height * 0.3, height * 0.48, coat, height * 0.1)
        self.disc(x, ground - height * 0.88, height * 0.12, skin)


def _picks(seed: int) -> random.Random:
    """Chance that falls the same way each time."""
    return random.Random(seed)  # noqa: S311


def square() -> Sheet:
    sheet = Sheet(SKY)
    sheet.cloud(230, 130, 60)
    sheet.cloud(960, 90, 45)
    for x, h, wall in ((0, 250, STONE), (170, 300, "#f0c9a8"), (860, 290, "#d9c7e0"), (1030, 240, STONE)):
        sheet.house(x, 560, 165, h, wall)
    sheet.box(400, 270, 400, 290, PLASTER)
    sheet.shape([(370, 270), (830, 270), (600, 150)], SLATE)
    sheet.box(560, 110, 80, 160, PLASTER)
    sheet.shape([(545, 112), (655, 112), (600, 40)], SLATE)
    sheet.disc(600, 165, 26, CREAM)
    sheet.path([(600, 148), (600, 165), (612, 174)], WINDOW, 4)
    for x in (430, 530, 640, 735):
        sheet.box(x, 320, 40, 70, WINDOW, 20)
    for x in (440, 570, 700):
        sheet.box(x, 450, 60, 110, "#6f4e37", 30)
    for number, colour in enumerate((TEAL, CREAM, RED)):
        sheet.box(512 + number * 16, 405, 16, 34, colour)
    sheet.box(0, 560, WIDTH, 240, "#dfd3bd")
    for row in range(6):
        y = 570 + row * 42
        for column in range(-1, 13):
            sheet.box(column * 100 + (row % 2) * 50 + 3, y, 94, 36, "#e8decb", 6)
    for x, h in ((110, 340), (310, 300), (905, 310), (1100, 350)):
        sheet.tree(x, 650, h)
    sheet.box(420, 655, 150, 14, "#a9714b", 5)
    sheet.box(432, 668, 12, 34, WINDOW)
    sheet.box(546, 668, 12, 34, WINDOW)
    sheet.person(700, 720, 130, RED)
    sheet.person(765, 712, 115, TEAL, "#8d5a3b")
    sheet.disc(835, 720, 24, CREAM, 14)
    sheet.disc(862, 706, 12, CREAM)
    return sheet


def market() -> Sheet:
    sheet = Sheet(SKY)
    sheet.cloud(900, 110, 55)
    for x, h, wall in ((20, 300, "#f0c9a8"), (230, 260, STONE), (760, 310, STONE), (970, 270, "#d9c7e0")):
        sheet.house(x, 500, 190, h, wall)
    sheet.box(0, 500, WIDTH, 300, "#d9ccb4")
    fruit = (RED, YELLOW, "#e07a5f", LEAF, PLUM, "#f2cc8f")
    for stall, (x, colour) in enumerate(((60, RED), (450, TEAL), (840, YELLOW))):
        sheet.box(x + 10, 400, 10, 250, "#7f5539")
        sheet.box(x + 280, 400, 10, 250, "#7f5539")
        for stripe in range(6):
            left = x + stripe * 50
            sheet.shape(
                [(left, 420), (left + 50, 420), (left + 44, 340), (left + 6, 340)],
                colour if stripe % 2 == 0 else CREAM,
            )
            sheet.disc(left + 25, 420, 25, colour if stripe % 2 == 0 else CREAM, 16)
        sheet.box(x, 560, 300, 90, "#9c6644", 6)
        for crate in range(3):
            sheet.box(x + 8 + crate * 98, 520, 88, 50, "#b08968", 5)
            for number in range(8):
                sheet.disc(
                    x + 20 + crate * 98 + number % 4 * 21,
                    528 - number // 4 * 15,
                    12,
                    fruit[(stall * 3 + crate) % 6],
                )
    for x, coat in ((400, PLUM), (790, "#e07a5f"), (1165, TEAL), (30, MOSS)):
        sheet.person(x, 740, 190, coat)
    sheet.box(825, 650, 46, 40, "#b08968", 8)
    return sheet


def pothole() -> Sheet:
    sheet = Sheet(SKY)
    for number in range(6):
        wall = (STONE, "#f0c9a8", PLASTER)[number % 3]
        sheet.house(number * 205 - 10, 360, 190, 210 + number % 2 * 40, wall)
    sheet.box(0, 360, WIDTH, 60, "#cfc6b4")
    sheet.box(0, 420, WIDTH, 380, ROAD)
    for number in range(7):
        sheet.box(number * 190 - 40, 580, 100, 12, LINE)
    sheet.disc(560, 690, 200, "#4b515b", 62)
    sheet.disc(560, 696, 172, "#33383f", 48)
    sheet.disc(560, 706, 140, WATER, 32)
    sheet.disc(520, 698, 40, "#8fc1cf", 8)
    for x, y in ((330, 650), (790, 665), (420, 755), (720, 752), (360, 720)):
        sheet.disc(x, y, 12, "#4b515b", 7)
    sheet.shape([(850, 690), (950, 690), (912, 520), (888, 520)], "#f3722c")
    sheet.shape([(868, 620), (932, 620), (923, 580), (877, 580)], CREAM)
    sheet.box(835, 688, 130, 16, "#f3722c", 4)
    sheet.disc(556, 700, 20, YELLOW, 13)
    sheet.disc(578, 686, 12, YELLOW)
    sheet.shape([(588, 684), (604, 688), (588, 693)], "#f3722c")
    return sheet


def bicycle(sheet: Sheet, x: float, y: float, size: float, colour: str) -> None:
    """A bicycle whose wheels stand at height `y`."""
    r = size * 0.28
    back, front, saddle, pedal = (
        (x, y - r),
        (x + size, y - r),
        (x + size * 0.3, y - size * 0.72),
        (x + size * 0.42, y - r),
    )
    bar = (x + size * 0.86, y - size * 0.75)
    for wheel in (back, front):
        sheet.ring(*wheel, r, WINDOW, size * 0.03)
    for points in ([back, saddle, pedal, back], [saddle, bar, pedal], [bar, front]):
        sheet.path(points, colour, size * 0.035)
    sheet.path(
        [(saddle[0] - size * 0.08, saddle[1]), (saddle[0] + size * 0.1, saddle[1])], WINDOW, size * 0.05
    )
    sheet.path(
        [bar, (bar[0] - size * 0.06, bar[1] - size * 0.08), (bar[0] + size * 0.05, bar[1] - size * 0.1)],
        WINDOW,
        size * 0.03,
    )


def cycle_lane() -> Sheet:
    sheet = Sheet("#d8ecf2")
    sheet.disc(980, 150, 70, YELLOW)
    sheet.cloud(300, 150, 60)
    sheet.shape([(0, 420), (300, 340), (650, 400), (1200, 330), (1200, 520), (0, 520)], GRASS)
    for x in range(40, 1200, 145):
        sheet.tree(x, 480, 210 + x % 60)
    sheet.box(0, 480, WIDTH, 320, ROAD)
    sheet.box(0, 600, WIDTH, 200, "#7fa99b")
    sheet.box(0, 596, WIDTH, 8, LINE)
    for number in range(6):
        sheet.box(number * 220, 530, 120, 8, LINE)
    bicycle(sheet, 420, 730, 300, RED)
    sheet.box(700, 460, 70, 55, "#b08968", 6)
    sheet.disc(720, 455, 14, LEAF)
    sheet.disc(745, 452, 16, RED)
    bicycle(sheet, 950, 690, 170, TEAL)
    sheet.shape([(130, 690), (190, 690), (160, 650)], LINE)
    sheet.shape([(130, 720), (190, 720), (160, 680)], LINE)
    return sheet


def garden() -> Sheet:
    sheet = Sheet(SKY)
    sheet.cloud(250, 120, 55)
    sheet.house(880, 420, 250, 190, STONE)
    sheet.box(0, 400, WIDTH, 400, GRASS)
    for x in (60, 220, 380):
        sheet.tree(x, 420, 200)
    sheet.shape([(560, 420), (560, 290), (670, 220), (780, 290), (780, 420)], "#dff1f0")
    for x in (560, 615, 670, 725, 780):
        sheet.path([(x, 420), (x, 290)], "#7fa99b", 5)
    sheet.path([(560, 290), (670, 220), (780, 290), (560, 290)], "#7fa99b", 6)
    picks = _picks(4)
    for row in range(3):
        y, left = 470 + row * 110, 60 - row * 20
        sheet.box(left, y, 1080 + row * 40, 78, EARTH, 12)
        for column in range(12):
            x = left + 60 + column * (88 + row * 4)
            colour = (LEAF, "#7cb518", RED, PLUM)[(column // 3 + row) % 4]
            sheet.disc(x, y + 34, 30, MOSS, 22)
            for _ in range(4):
                sheet.disc(x + picks.uniform(-20, 20), y + 30 + picks.uniform(-12, 10), 9, colour)
    sheet.box(1010, 640, 90, 80, "#8d99ae", 10)
    sheet.path([(1100, 670), (1150, 640)], "#8d99ae", 12)
    return sheet


def river() -> Sheet:
    sheet = Sheet("#c9d6df")
    for x in (180, 520, 900):
        sheet.cloud(x, 110 + x % 70, 80)
    for number in range(6):
        sheet.house(
            number * 210 - 20, 420, 180, 170 + number % 3 * 35, (STONE, "#f0c9a8", PLASTER)[number % 3]
        )
    sheet.box(0, 400, WIDTH, 60, "#b5a58c")
    sheet.box(0, 450, WIDTH, 350, WATER)
    picks = _picks(7)
    for _ in range(45):
        left, y = picks.uniform(-50, 1150), picks.uniform(480, 780)
        sheet.path([(left + 40 * step, y - step % 2 * 6) for step in range(4)], "#7fb7c4", 4)
    sheet.box(0, 330, WIDTH, 46, "#cdbfa7")
    for x in (150, 460, 770, 1080):
        sheet.box(x - 30, 350, 60, 230, "#bcae95")
    for x in (305, 615, 925):
        sheet.disc(x, 470, 122, WATER, 95)
        sheet.box(x - 122, 470, 244, 80, WATER)
    for x in range(0, 1200, 60):
        sheet.box(x, 292, 10, 42, "#8d99ae")
    sheet.box(0, 290, WIDTH, 8, "#8d99ae")
    sheet.box(1090, 420, 44, 220, CREAM)
    for number in range(8):
        sheet.box(1090, 430 + number * 26, 22 if number % 2 else 36, 6, RED)
    return sheet


def heat() -> Sheet:
    sheet = Sheet("#fbe3b5")
    sheet.disc(900, 190, 150, "#fcd581")
    sheet.disc(900, 190, 105, YELLOW)
    for x, h in ((0, 330), (210, 390), (420, 300)):
        sheet.house(x, 610, 195, h, PLASTER)
    sheet.box(0, 610, WIDTH, 190, "#e3d0a8")
    sheet.disc(930, 690, 230, "#c2a878", 46)
    sheet.tree(930, 690, 520)
    sheet.box(800, 640, 170, 14, "#a9714b", 5)
    sheet.box(815, 650, 12, 44, WINDOW)
    sheet.box(945, 650, 12, 44, WINDOW)
    sheet.box(560, 560, 60, 130, "#7a8c8f", 14)
    sheet.disc(590, 556, 30, "#7a8c8f", 16)
    sheet.path([(618, 610), (650, 610), (650, 640)], "#7a8c8f", 10)
    for number in range(4):
        sheet.disc(650, 655 + number * 15, 5, WATER, 8)
    sheet.person(850, 640, 120, RED)
    return sheet


def canteen() -> Sheet:
    sheet = Sheet("#f2e9d8")
    for x in range(0, 1200, 120):
        for y in range(0, 800, 120):
            if (x + y) // 120 % 2:
                sheet.box(x, y, 120, 120, "#ecdfc6")
    sheet.box(110, 110, 980, 580, "#8ab0ab", 44)
    sheet.box(134, 134, 932, 532, "#a3c4bc", 34)
    sheet.disc(520, 400, 220, "#ffffff")
    sheet.disc(520, 400, 168, "#f7f3ec")
    sheet.disc(470, 360, 80, YELLOW, 55)
    sheet.disc(580, 370, 62, "#c97b4a", 44)
    for x, y in ((480, 470), (520, 485), (560, 468), (600, 450), (440, 450), (500, 445), (545, 440)):
        sheet.disc(x, y, 17, LEAF)
    sheet.disc(880, 270, 90, "#ffffff")
    sheet.disc(880, 270, 62, RED)
    sheet.path([(880, 210), (892, 180)], EARTH, 8)
    sheet.shape([(892, 190), (930, 175), (915, 205)], LEAF)
    sheet.box(810, 440, 170, 130, "#c98b5e", 50)
    sheet.box(826, 452, 138, 60, "#e6b88a", 28)
    sheet.box(205, 230, 16, 340, "#ced4da", 8)
    for x in (190, 205, 220):
        sheet.box(x, 210, 8, 110, "#ced4da", 4)
    sheet.box(745, 560, 16, 60, "#ced4da", 8)
    return sheet


def library() -> Sheet:
    sheet = Sheet("#f3e6d0")
    picks = _picks(11)
    for shelf in range(4):
        y = 60 + shelf * 150
        sheet.box(60, y, 820, 132, "#d7b98e")
        x = 76.0
        while x < 850:
            w, h = picks.uniform(16, 42), picks.uniform(80, 122)
            if picks.random() > 0.08:
                sheet.box(
                    x, y + 130 - h, w, h, picks.choice((RED, TEAL, YELLOW, PLUM, MOSS, SLATE, "#e07a5f")), 3
                )
                sheet.box(x + 4, y + 130 - h + 14, w - 8, 6, CREAM)
            x += w + 4
        sheet.box(50, y + 130, 840, 16, "#8a6240")
    sheet.box(0, 680, WIDTH, 120, "#c8a97e")
    sheet.path([(1000, 690), (1000, 330)], WINDOW, 12)
    sheet.shape([(920, 350), (1080, 350), (1045, 230), (955, 230)], YELLOW)
    sheet.box(930, 560, 190, 140, TEAL, 40)
    sheet.box(910, 630, 230, 90, TEAL, 30)
    sheet.disc(1030, 590, 44, "#6b4f3a", 30)
    sheet.disc(1072, 566, 22, "#6b4f3a")
    sheet.shape([(1058, 552), (1064, 530), (1074, 548)], "#6b4f3a")
    sheet.shape([(1074, 548), (1086, 532), (1090, 556)], "#6b4f3a")
    return sheet


def station() -> Sheet:
    sheet = Sheet(DUSK)
    sheet.disc(240, 220, 80, "#f9dcc4")
    sheet.box(300, 300, 520, 260, STONE)
    sheet.shape([(280, 300), (840, 300), (780, 220), (340, 220)], SLATE)
    sheet.box(500, 170, 120, 390, PLASTER)
    sheet.shape([(485, 172), (635, 172), (560, 100)], SLATE)
    sheet.disc(560, 230, 38, CREAM)
    sheet.path([(560, 206), (560, 230), (582, 240)], WINDOW, 5)
    for x in (330, 410, 660, 740):
        sheet.box(x, 350, 50, 90, WINDOW, 25)
    sheet.box(525, 440, 70, 120, "#6f4e37", 35)
    sheet.box(980, 120, 26, 500, YELLOW)
    sheet.box(760, 130, 420, 22, YELLOW)
    sheet.path([(820, 150), (820, 330)], WINDOW, 4)
    sheet.box(780, 330, 80, 46, "#9c6644")
    sheet.path([(993, 70), (770, 138)], WINDOW, 4)
    sheet.path([(993, 70), (1170, 138)], WINDOW, 4)
    sheet.box(980, 66, 26, 70, YELLOW)
    sheet.box(0, 560, WIDTH, 240, "#b8ab97")
    for number in range(12):
        sheet.box(number * 102, 620, 92, 70, CREAM, 4)
        sheet.shape(
            [
                (number * 102 + 10, 690),
                (number * 102 + 50, 690),
                (number * 102 + 82, 620),
                (number * 102 + 42, 620),
            ],
            RED,
        )
        sheet.box(number * 102 + 42, 690, 10, 36, WINDOW)
    sheet.person(180, 740, 150, "#f3722c")
    sheet.disc(180, 596, 24, YELLOW, 14)
    return sheet


def plan() -> Sheet:
    sheet = Sheet("#f1ead9")
    picks = _picks(3)
    for x in range(20, 1200, 150):
        for y in range(20, 800, 130):
            colour = GRASS if picks.random() < 0.18 else picks.choice(("#e2d5bb", "#dccbb0", "#e6dcc8"))
            sheet.box(x, y, 130, 110, colour, 8)
    sheet.path([(-20, 620), (260, 560), (520, 640), (800, 540), (1220, 610)], WATER, 64)
    sheet.path([(-20, 130), (430, 200), (820, 150), (1220, 240)], "#ffffff", 34)
    sheet.path([(360, -20), (410, 300), (380, 820)], "#ffffff", 34)
    sheet.path([(880, -20), (850, 330), (900, 820)], "#ffffff", 26)
    sheet.path([(-20, 400), (600, 430), (1220, 390)], "#ffffff", 26)
    route = [(150, 160), (405, 200), (398, 415), (620, 430), (855, 405), (840, 160)]
    for start, end in itertools.pairwise(route):
        steps = max(2, int(math.dist(start, end) // 26))
        for step in range(steps):
            t = step / steps
            sheet.disc(start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * t, 7, RED)
    for x, y in (route[0], route[2], route[4], route[5]):
        sheet.disc(x, y - 34, 26, RED)
        sheet.shape([(x - 22, y - 22), (x + 22, y - 22), (x, y + 8)], RED)
        sheet.disc(x, y - 34, 11, CREAM)
    return sheet


def feast() -> Sheet:
    sheet = Sheet(NIGHT)
    picks = _picks(9)
    for _ in range(70):
        sheet.disc(picks.uniform(0, WIDTH), picks.uniform(0, 380), picks.uniform(1, 3), CREAM)
    sheet.disc(1020, 130, 60, CREAM)
    for number in range(6):
        sheet.house(
            number * 210 - 20,
            560,
            190,
            190 + number % 3 * 40,
            ("#545c85", "#5d5480", "#4a6280")[number % 3],
            "#3a3f63",
        )
    colours = (RED, YELLOW, TEAL, "#e07a5f", CREAM, "#7cb518")
    for row, (start, sag) in enumerate(((90, 130), (170, 120))):
        line = [(x, start + sag * math.sin(math.pi * (x % 400) / 400)) for x in range(0, 1201, 20)]
        sheet.path(line, "#8d99ae", 3)
        for number, (x, y) in enumerate(line[1::2]):
            sheet.disc(x, y + 14, 13, colours[(number + row) % 6])
    sheet.box(0, 560, WIDTH, 240, "#3b3556")
    sheet.box(410, 520, 380, 90, "#7f5539", 8)
    for x, coat in ((480, RED), (600, YELLOW), (720, TEAL)):
        sheet.person(x, 525, 170, coat)
    sheet.box(560, 410, 80, 44, "#e9dcc3", 6)
    for number in range(9):
        sheet.person(
            70 + number * 132,
            780,
            150 + number % 3 * 18,
            colours[number % 6],
            ("#c68863", "#8d5a3b", "#e0ac85")[number % 3],
        )
    return sheet


PICTURES: dict[str, Callable[[], Sheet]] = {
    "place": square,
    "marche": market,
    "nid-de-poule": pothole,
    "piste-cyclable": cycle_lane,
    "jardin": garden,
    "riviere": river,
    "canicule": heat,
    "cantine": canteen,
    "mediatheque": library,
    "gare": station,
    "plan": plan,
    "fete": feast,
}


def picture(name: str) -> bytes:
    """One of the pictures, as PNG."""
    return PICTURES[name]().png()


def portrait(number: int) -> bytes:
    """A face of nobody, as PNG; each number has its own."""
    picks = _picks(number)
    skin = picks.choice(("#f1c7a5", "#e0ac85", "#c68863", "#8d5a3b", "#6b4226"))
    hair = picks.choice(("#2f2a28", "#5b3a29", "#a0522d", "#d9a441", "#9e9e9e", "#e8e4dc"))
    coat = picks.choice((RED, TEAL, YELLOW, PLUM, MOSS, "#e07a5f", SLATE))
    sheet = Sheet(picks.choice(("#cfe8ef", "#f6e3c5", "#dfe7d3", "#eadcec", "#f9d9c8")), 320, 320)
    long = picks.random() < 0.5
    if long:
        sheet.box(82, 90, 156, 180, hair, 70)
    sheet.box(50, 236, 220, 140, coat, 70)
    sheet.box(138, 190, 44, 66, skin, 18)
    sheet.disc(160, 148, 66, skin, 74)
    sheet.disc(160, 96, 70, hair, 40 if long else 34)
    if picks.random() < 0.4:
        for x in (134, 186):
            sheet.ring(x, 148, 20, WINDOW, 4)
        sheet.path([(154, 148), (166, 148)], WINDOW, 4)
    for x in (134, 186):
        sheet.disc(x, 148, 6, WINDOW)
    if not long and picks.random() < 0.5:
        sheet.disc(160, 196, 44, hair, 30)
        sheet.disc(160, 178, 34, skin, 22)
    sheet.pen.arc([136 * FINE, 160 * FINE, 184 * FINE, 196 * FINE], 20, 160, RED, 5 * FINE)
    return sheet.png()
