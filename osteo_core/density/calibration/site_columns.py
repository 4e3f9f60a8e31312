"""The columns that calibration and phantom tables share: scanner, tube voltage, kernel, mineral and rod composition."""

from __future__ import annotations

from osteo_core.limits import tables as limits
from osteo_core.tables.columns import Column, Number, OneOf
from osteo_core.terms import KernelGroup, Mineral, Vendor

_HALVES = {half: vendor for vendor in Vendor for half in vendor.value.split("/") if "/" in vendor.value}

VENDOR = Column(
    name="vendor",
    kind=OneOf(values={vendor.value: vendor for vendor in Vendor}, others=_HALVES),
    words=("manufacturer", "Hersteller", "fabricant", "constructeur", "fabricante", "厂家", "制造商", "厂商"),
)
MODEL = Column(
    name="manufacturer_model_name",
    words=("model", "model name", "scanner", "Modell", "Gerät", "modèle", "modelo", "型号", "机型"),
)
KVP = Column(
    name="kvp",
    kind=Number(low=limits.TUBE_VOLTAGE_LOW.value, high=limits.TUBE_VOLTAGE_HIGH.value, unit="kV"),
    words=("kV", "tube voltage", "Röhrenspannung", "tension du tube", "tension", "tensión del tubo", "管电压"),
)
KERNEL_GROUP = Column(
    name="kernel_group",
    kind=OneOf(values={group.value: group for group in KernelGroup}),
    words=("kernel", "Kern", "Faltungskern", "noyau", "núcleo", "卷积核", "重建核"),
    may_be_blank=True,
)
MINERAL = Column(
    name="mineral",
    kind=OneOf(values={mineral.value: mineral for mineral in Mineral}),
    words=("reference mineral", "Referenzmineral", "minéral", "矿物"),
)
DENSITY = Column(
    name="density_mg_cm3",
    kind=Number(low=limits.ROD_DENSITY_LOW.value, high=limits.ROD_DENSITY_HIGH.value, unit="mg/cm3"),
    words=("density", "Dichte", "densité", "densidad", "密度"),
)
WATER = Column(
    name="water_mg_cm3",
    kind=Number(low=limits.ROD_WATER_LOW.value, high=limits.ROD_WATER_HIGH.value, unit="mg/cm3"),
    words=("water", "water equivalent", "Wasseräquivalent", "équivalent eau", "equivalente de agua", "水当量"),
    may_be_blank=True,
)
